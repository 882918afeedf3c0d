"""The yardstick "plain Django views": the same rows made as the tutorials of Django and REST framework would make them.

An APIView, a serializer, the ORM in `transaction.atomic`, over Django's own connection pool (without it a third less).
The promises are those of the service's own views: who calls is looked up, a second press opens no second event, and the
journal's order is the order of commits. Only the hints to workers and screens are left out.
"""
