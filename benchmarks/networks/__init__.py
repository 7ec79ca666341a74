"""Every network: parameters, cost of a step, and parity of its export."""
