"""What records say: tables, comparisons, checks, claims and figures over one folder of results."""
