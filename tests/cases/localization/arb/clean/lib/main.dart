final text = AppLocalizations.of(context)!.title;
