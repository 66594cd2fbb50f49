"""Importers: images, videos, npz, HDF5, Minari to our data sets; Minari export."""
