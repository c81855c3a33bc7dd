let title = NSLocalizedString("boats.titel", comment: "")
