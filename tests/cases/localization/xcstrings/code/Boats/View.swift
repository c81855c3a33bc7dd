let title = String(localized: "Baots")
