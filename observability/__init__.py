"""What is watched: neutral rules that every cloud turns into its own alarms."""
