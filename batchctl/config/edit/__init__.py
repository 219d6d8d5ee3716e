"""Changing jobs as files."""
