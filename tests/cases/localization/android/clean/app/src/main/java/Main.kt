val title = getString(R.string.title)
