"""`python -m experiments.import`: the command `curious import`; see `import_data`."""

import sys

if __name__ == "__main__":
    from experiments.cli import main

    sys.exit(main(["import", *sys.argv[1:]]))
