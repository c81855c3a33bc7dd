let title = String(localized: "Boats")
