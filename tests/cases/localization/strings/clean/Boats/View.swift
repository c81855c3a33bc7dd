let title = NSLocalizedString("boats.title", comment: "")
