val title = getString(R.string.titel)
