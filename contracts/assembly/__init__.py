"""A trial, assembled from study, image and host.

What is started, how it is loaded, and what its record knows in advance. The roles' tasks only pass these
values on. Nothing here touches a host.
"""
