"""Results for others: a static site, a dataset and encoders on the Hub."""
