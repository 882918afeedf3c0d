from django.urls import path

from . import current_views, policy_views, reports, timeline, views

urlpatterns = [
    path("sos/", views.EventsView.as_view()),
    path("sos/current/", current_views.CurrentView.as_view()),
    path("sos/<uuid:event_uid>/", views.EventView.as_view()),
    path("sos/trigger/", views.TriggerView.as_view()),
    path("sos/drill/", views.DrillView.as_view()),
    path("sos/<uuid:event_uid>/respond/", views.RespondView.as_view()),
    path("sos/<uuid:event_uid>/timeline/", timeline.TimelineView.as_view()),
    path("sos/<uuid:event_uid>/looks/", timeline.LooksView.as_view()),
    path("sos/<uuid:event_uid>/cancel/", views.CancelView.as_view()),
    path("sos/<uuid:event_uid>/acknowledge/", views.AcknowledgeView.as_view()),
    path("sos/<uuid:event_uid>/assign/", views.AssignView.as_view()),
    path("sos/<uuid:event_uid>/call-next-wave/", views.CallNextWaveView.as_view()),
    path("sos/<uuid:event_uid>/note/", views.NoteView.as_view()),
    path("sos/<uuid:event_uid>/resolve/", views.ResolveView.as_view()),
    path("sos/<uuid:event_uid>/handover/", views.HandoverView.as_view()),
    path("sos/<uuid:event_uid>/reopen/", views.ReopenView.as_view()),
    path("reports/response-times/", reports.ResponseTimesView.as_view()),
    path("reports/response-times.csv", reports.ResponseTimesCsvView.as_view()),
    path("dispatch-policy/", policy_views.DispatchPolicyView.as_view()),
]
