"""Figures for other programs: files, frames and experiment trackers."""
