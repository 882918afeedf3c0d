"""Measurements that can be run again. Each says its figures, and makes and removes what it needs."""
