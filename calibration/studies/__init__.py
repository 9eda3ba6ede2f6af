"""Studies on real and synthetic data; each is a module that takes a folder: python -m calibration.studies.scms PATH."""
