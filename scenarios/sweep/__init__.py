"""Running a plan so that nothing can be lost: tasks, markers, lease, executors; all of them write one store."""
