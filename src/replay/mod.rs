//! Scripted runs of courses, and their reports.
