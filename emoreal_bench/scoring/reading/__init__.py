"""From the text of a reply to the answer in it, by each rule book."""
