from django.urls import path

from .views import containment, current, deeds, events, policy, reports, timeline

urlpatterns = [
    path("sos/", events.EventsView.as_view()),
    path("sos/current/", current.CurrentView.as_view()),
    path("sos/<uuid:event_uid>/", events.EventView.as_view()),
    path("sos/trigger/", events.TriggerView.as_view()),
    path("sos/drill/", events.DrillView.as_view()),
    path("sos/<uuid:event_uid>/respond/", events.RespondView.as_view()),
    path("sos/<uuid:event_uid>/timeline/", timeline.TimelineView.as_view()),
    path("sos/<uuid:event_uid>/looks/", timeline.LooksView.as_view()),
    path("sos/<uuid:event_uid>/cancel/", events.CancelView.as_view()),
    path("sos/<uuid:event_uid>/acknowledge/", events.AcknowledgeView.as_view()),
    path("sos/<uuid:event_uid>/assign/", events.AssignView.as_view()),
    path("sos/<uuid:event_uid>/call-next-wave/", events.CallNextWaveView.as_view()),
    path("sos/<uuid:event_uid>/passed-over/", events.PassedOverView.as_view()),
    path("sos/<uuid:event_uid>/note/", events.NoteView.as_view()),
    path("sos/<uuid:event_uid>/resolve/", events.ResolveView.as_view()),
    path("sos/<uuid:event_uid>/handover/", events.HandoverView.as_view()),
    path("sos/<uuid:event_uid>/reopen/", events.ReopenView.as_view()),
    path("users/<uuid:uuid>/containment/", containment.ContainmentView.as_view()),
    path("reports/response-times/", reports.ResponseTimesView.as_view()),
    path("reports/response-times.csv", reports.ResponseTimesCsvView.as_view()),
    path("deeds/", deeds.DeedsView.as_view()),
    path("dispatch-policy/", policy.DispatchPolicyView.as_view()),
]
