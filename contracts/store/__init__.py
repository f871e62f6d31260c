"""The folder of a campaign: who may write it, how files are created, how damage is recognised.

files.py      whole files: written aside, synced, renamed or created exclusively; checksums
lock.py       one writer at a time
folder.py     the campaign's folder: its creation, its finished trials, what a killed trial left
"""
