"""LeRobot data sets: parquet tables of what robots did, and videos of what they saw."""
