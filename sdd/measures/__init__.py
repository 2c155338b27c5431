"""What is measured on weights and data."""
