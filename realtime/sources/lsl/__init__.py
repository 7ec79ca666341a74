"""Streams of the Lab Streaming Layer."""
