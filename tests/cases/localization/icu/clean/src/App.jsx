intl.formatMessage({ id: "title" })
