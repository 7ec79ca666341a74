"""The public protocol, version 1: requests, messages and binary frames."""
