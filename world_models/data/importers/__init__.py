"""Other people's data as rows: images, videos, arrays, Minari; and Minari out."""
