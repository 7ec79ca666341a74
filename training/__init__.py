"""torch and data: everything that ends in a checkpoint or a report."""
