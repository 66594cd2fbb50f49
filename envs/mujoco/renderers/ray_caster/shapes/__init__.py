"""Shapes as rays meet them: intervals of inverse depth, and normals."""
