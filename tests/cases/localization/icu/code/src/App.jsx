intl.formatMessage({ id: "titel" })
