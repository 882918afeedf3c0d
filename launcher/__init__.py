"""What `./mdd` runs: sets the project up, starts its processes and its tests.

`bootstrap` runs on any Python 3.11 and hands over to `cli` inside the virtual environment.
"""
