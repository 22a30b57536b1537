"""Services outside the site (外部服务), each behind an adapter that is handed into rules as an argument.

An adapter is bounded in time, in size and in how many of the site's threads it holds, believes nothing that it has not
checked, and raises nothing: where a service fails, the answer is a value that says so.
"""
