"""Training: what `fit` was asked for as a plan, the loop over it, and what it records."""
