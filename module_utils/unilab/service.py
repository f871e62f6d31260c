"""What every service has in common; contracts/workload.py has the same for the controller."""

from __future__ import annotations

SERVICE_PORT = 8080
