"""Shows what runs found: tables in the terminal and pages to publish.

Reporting reads runs, and the clips and items that a page shows. Everything a
model, a data set or a submission says is untrusted here: it is cleaned of control
characters before it reaches a terminal, and escaped as well before it reaches a page.
"""
