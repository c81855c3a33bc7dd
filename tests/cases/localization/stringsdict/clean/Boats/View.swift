let title = NSLocalizedString("boats.count", comment: "")
