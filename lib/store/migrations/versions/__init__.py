"""The versions, oldest first. A script that has been released is never changed: databases were made by it."""
