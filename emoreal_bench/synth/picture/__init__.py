"""What the drawn people look like: faces, gestures, clothes, rooms."""
