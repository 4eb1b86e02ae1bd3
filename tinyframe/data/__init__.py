"""Data: arrays and targets as the layers want them, and feeds that hand them out in batches."""
