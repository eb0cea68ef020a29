"""What happens behind the pages: Huey tasks, and the jobs in the tables that they wake workers for."""
