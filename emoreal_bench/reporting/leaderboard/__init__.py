"""The leaderboard: its rows, columns, tables, pages and submissions."""
