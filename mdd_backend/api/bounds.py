"""The least and the most of what every app measures alike."""

LAT = (-90, 90)  # degrees, WGS 84
LON = (-180, 180)
