"""The little of curl that docs/mobile.md uses, for machines without it: -sS, -X, -H, -d and an address."""

import argparse
import sys
import urllib.error
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("-sS", action="store_true")
parser.add_argument("-X", default="GET")
parser.add_argument("-H", action="append", default=[])
parser.add_argument("-d")
parser.add_argument("url")
given = parser.parse_args()
headers = dict(header.split(": ", 1) for header in given.H)
request = urllib.request.Request(given.url, given.d and given.d.encode(), headers, method=given.X)  # noqa: S310
try:
    answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310
except urllib.error.HTTPError as refusal:
    answer = refusal
sys.stdout.write(answer.read().decode())
