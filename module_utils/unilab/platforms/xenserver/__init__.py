"""XenServer and XCP-ng over XAPI: docs/xenserver.md lists every message that is used."""
