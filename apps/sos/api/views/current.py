"""What a watch is told while it waits for help."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.devices.api.authentication import device_of_token
from apps.users.api.permissions import caller
from mdd_backend.api.openapi import documented

from ...queries.current import current_of
from ..examples import CURRENT
from ..serializers.current import CurrentSerializer


class CurrentView(APIView):
    """A banned account's watch is told too: its SOS is taken, so it may know that it was."""

    banned_may_enter = True
    device_may_enter = True

    @documented("Whether help is coming", gives={200: (CurrentSerializer, CURRENT)})
    def get(self, request: Request) -> Response:
        """For a watch with its own token (the events of this device) or a person (their own); at most 2 kB.

        Ask again after `ask_again_s`. What was cancelled or closed stays for an hour, so that the watch can say so.
        """
        return Response(CurrentSerializer(current_of(caller(request), device_of_token(request))).data)
