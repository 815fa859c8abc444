"""Bounces: mail that came back, or says something about mail of ours."""
