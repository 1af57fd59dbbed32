"""Grafana's dashboards as code: `python -m deploy.dashboards` writes deploy/grafana/dashboards.

A dashboard a module; what several of them say the same way is in `promql`, `states`, `promises`,
`panels` and `frame`. Nothing here is part of a service.
"""
