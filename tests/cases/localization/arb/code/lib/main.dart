final text = AppLocalizations.of(context)!.titel;
