let title = NSLocalizedString("boats.cuont", comment: "")
