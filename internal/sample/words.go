package sample

// The words that rows are made of. None of the firms exists, as far as their makers know.

// place is where a firm is; its language chooses names.
type place struct{ city, country, language string }

func places() []place {
	return []place{
		{"Hamburg", "Germany", "de"},
		{"München", "Germany", "de"},
		{"Leipzig", "Germany", "de"},
		{"Köln", "Germany", "de"},
		{"Wien", "Austria", "de"},
		{"Graz", "Austria", "de"},
		{"Zürich", "Switzerland", "de"},
		{"Lyon", "France", "fr"},
		{"Nantes", "France", "fr"},
		{"Marseille", "France", "fr"},
		{"Bruxelles", "Belgium", "fr"},
		{"Genève", "Switzerland", "fr"},
		{"Montréal", "Canada", "fr"},
		{"London", "United Kingdom", "en"},
		{"Bristol", "United Kingdom", "en"},
		{"Edinburgh", "United Kingdom", "en"},
		{"Cork", "Ireland", "en"},
		{"Portland", "United States", "en"},
		{"Boston", "United States", "en"},
		{"Albuquerque", "United States", "en"},
		{"Vancouver", "Canada", "en"},
		{"Melbourne", "Australia", "en"},
		{"Madrid", "Spain", "es"},
		{"Sevilla", "Spain", "es"},
		{"Valencia", "Spain", "es"},
		{"México D.F.", "Mexico", "es"},
		{"Buenos Aires", "Argentina", "es"},
		{"Caracas", "Venezuela", "es"},
		{"Lisboa", "Portugal", "pt"},
		{"Porto", "Portugal", "pt"},
		{"São Paulo", "Brazil", "pt"},
		{"Rio de Janeiro", "Brazil", "pt"},
		{"Torino", "Italy", "it"},
		{"Bologna", "Italy", "it"},
		{"Palermo", "Italy", "it"},
		{"Göteborg", "Sweden", "sv"},
		{"Luleå", "Sweden", "sv"},
		{"Århus", "Denmark", "sv"},
		{"Bergen", "Norway", "sv"},
		{"Kraków", "Poland", "pl"},
		{"Gdańsk", "Poland", "pl"},
	}
}

func (p place) given() []string {
	return map[string][]string{
		"de": {"Anna", "Lukas", "Sabine", "Matthias", "Jürgen", "Katrin", "Felix", "Heike", "Stefan", "Ulrike"},
		"fr": {"Élodie", "Julien", "Camille", "Étienne", "Nathalie", "Benoît", "Sylvie", "Hugo", "Margaux", "Laurent"},
		"en": {"Alice", "Thomas", "Hannah", "George", "Fiona", "Patrick", "Grace", "Simon", "Ruth", "Owen"},
		"es": {"María", "Javier", "Carmen", "Álvaro", "Lucía", "Diego", "Pilar", "Andrés", "Inés", "Sergio"},
		"pt": {"Beatriz", "João", "Mariana", "Tiago", "Catarina", "Rui", "Helena", "Paulo", "Sofia", "Nuno"},
		"it": {"Giulia", "Marco", "Chiara", "Lorenzo", "Francesca", "Paolo", "Elisa", "Andrea", "Silvia", "Matteo"},
		"sv": {"Astrid", "Erik", "Karin", "Nils", "Sigrid", "Lars", "Maja", "Anders", "Freja", "Johan"},
		"pl": {"Agnieszka", "Piotr", "Magda", "Tomasz", "Zofia", "Paweł", "Ewa", "Krzysztof", "Joanna", "Marek"},
	}[p.language]
}

func (p place) family() []string {
	return map[string][]string{
		"de": {"Albrecht", "Brandt", "Dietrich", "Ehlers", "Fuchs", "Großmann", "Hartwig", "Jäger", "Köhler", "Lindner", "Möller", "Rothe", "Schütz", "Vogel", "Wagner"},
		"fr": {"Aubert", "Bonnet", "Chevalier", "Delacroix", "Fournier", "Girard", "Lambert", "Lefèvre", "Marchand", "Moreau", "Perrin", "Renaud", "Tessier", "Vidal"},
		"en": {"Ashworth", "Barlow", "Carver", "Drummond", "Ellison", "Fairbanks", "Hawthorne", "Kendrick", "Lockwood", "Merrill", "Pemberton", "Quigley", "Sutherland", "Whitaker", "O'Hara"},
		"es": {"Aguilar", "Bermúdez", "Castillo", "Domínguez", "Escobar", "Fuentes", "Guerrero", "Ibáñez", "Montoya", "Navarro", "Ortega", "Quintana", "Rivas", "Salazar"},
		"pt": {"Almeida", "Barbosa", "Cardoso", "Duarte", "Figueiredo", "Guimarães", "Lopes", "Magalhães", "Nogueira", "Pacheco", "Ribeiro", "Teixeira", "Vasconcelos"},
		"it": {"Bianchi", "Caruso", "D'Angelo", "Esposito", "Fontana", "Galli", "Lombardi", "Marchetti", "Orlando", "Pellegrini", "Ricci", "Santoro", "Vitale"},
		"sv": {"Ahlgren", "Bergström", "Dahl", "Engström", "Fredriksen", "Hansson", "Kjær", "Lindqvist", "Møller", "Nyberg", "Sørensen", "Torvalt", "Wikström", "Åkesson"},
		"pl": {"Adamczyk", "Borkowski", "Czarnecki", "Dąbrowski", "Gajewski", "Jankowski", "Kowalczyk", "Majewski", "Nowicki", "Sikorski", "Wójcik", "Zieliński"},
	}[p.language]
}

func customerTrades() map[string][]string {
	return map[string][]string{
		"de": {"Feinkost", "Lebensmittel", "Markthalle", "Gasthof", "Delikatessen", "Kaufhaus"},
		"fr": {"Épicerie", "Gourmandises", "Brasserie", "Comptoir", "Marché", "Traiteur"},
		"en": {"Grocers", "Fine Foods", "Provisions", "Market Hall", "Catering", "Stores"},
		"es": {"Ultramarinos", "Comestibles", "Supermercados", "Hostelería", "Mercado Central", "Tienda"},
		"pt": {"Mercearia", "Supermercados", "Padaria", "Alimentos", "Armazém", "Hotelaria"},
		"it": {"Alimentari", "Gastronomia", "Ristorazione", "Mercati", "Dispensa", "Bottega"},
		"sv": {"Livsmedel", "Matvaror", "Delikatesser", "Handel", "Kolonial", "Torghandel"},
		"pl": {"Delikatesy", "Spożywczy", "Hurtownia", "Gastronomia", "Sklepy", "Zajazd"},
	}
}

func supplierTrades() map[string][]string {
	return map[string][]string{
		"de": {"Molkerei", "Mühle", "Kellerei", "Import"},
		"fr": {"Fromagerie", "Conserves", "Domaine", "Import"},
		"en": {"Dairy", "Fisheries", "Farms", "Imports"},
		"es": {"Bodegas", "Conservas", "Aceites", "Importaciones"},
		"pt": {"Pescas", "Vinhos", "Cafés", "Importação"},
		"it": {"Caseificio", "Pastificio", "Oleificio", "Import"},
		"sv": {"Fiskeri", "Mejeri", "Bageri", "Import"},
		"pl": {"Mleczarnia", "Młyn", "Piekarnia", "Import"},
	}
}

// category has the range of its prices, in cents.
type category struct {
	name, description string
	from, to          int
	products          []string
}

func categories() []category {
	return []category{
		{"Beverages", "Coffees, teas, juices, and beers", 290, 2600, []string{
			"Highland Breakfast Tea", "Sencha Green Tea", "Espresso Roast, whole bean", "Decaffeinated Arabica", "Cloudy Apple Juice", "Blood Orange Juice",
			"Elderflower Cordial", "Ginger Beer", "Dark Lager", "Wheat Beer", "Sparkling Water", "Cocoa, 22% fat",
		}},
		{"Wines", "Still and sparkling wines", 690, 5400, []string{
			"Riesling, dry", "Vinho Verde", "Rioja Crianza", "Barbera d'Asti", "Crémant Brut", "Grüner Veltliner", "Tawny Port", "Rosé de Provence",
		}},
		{"Dairy", "Cheeses, butter, and cream", 240, 4200, []string{
			"Mountain Cheese, 12 months", "Farmhouse Cheddar", "Goat's Cheese in Ash", "Blue Cheese", "Mozzarella di Bufala", "Queso Manchego",
			"Salted Butter", "Crème Fraîche", "Whey Cheese, brown", "Skyr",
		}},
		{"Bakery", "Breads, crackers, and biscuits", 180, 1400, []string{
			"Rye Crispbread", "Oatcakes", "Sourdough Loaf", "Grissini", "Stroopwafels", "Shortbread", "Gingerbread Hearts", "Panettone", "Pretzels",
		}},
		{"Pantry", "Pasta, rice, pulses, and flour", 120, 980, []string{
			"Spaghetti No. 5", "Orecchiette", "Arborio Rice", "Bomba Rice", "Puy Lentils", "Black Beans", "Buckwheat Groats", "Semolina", "Spelt Flour", "Couscous",
		}},
		{"Oils & Vinegars", "Pressed, infused, and aged", 420, 3800, []string{
			"Olive Oil, extra virgin", "Pumpkin Seed Oil", "Walnut Oil", "Balsamic Vinegar, 8 years", "Sherry Vinegar", "Cider Vinegar",
		}},
		{"Condiments", "Sauces, spices, and spreads", 190, 1900, []string{
			"Dijon Mustard", "Plum Chutney", "Piri-Piri Sauce", "Smoked Paprika", "Sea Salt Flakes", "Black Pepper, whole", "Cranberry Preserve", "Heather Honey",
			"Maple Syrup", "Tahini", "Harissa", "Pesto alla Genovese",
		}},
		{"Seafood", "Fish and shellfish, tinned and smoked", 310, 3600, []string{
			"Sardines in Olive Oil", "Smoked Mackerel", "Pickled Herring", "Cold-smoked Salmon", "Anchovy Fillets", "Mussels in Escabeche", "Cod Roe", "Nori Sheets",
		}},
		{"Produce", "Dried fruit, nuts, and preserved vegetables", 220, 2400, []string{
			"Dried Apricots", "Medjool Dates", "Roasted Almonds", "Hazelnuts, blanched", "Sun-dried Tomatoes", "Artichoke Hearts", "Kalamata Olives", "Sauerkraut",
			"Dried Porcini", "Capers in Salt",
		}},
		{"Confections", "Chocolates, candies, and sweet spreads", 160, 2900, []string{
			"Dark Chocolate, 70%", "Milk Chocolate with Sea Salt", "Marzipan Loaf", "Salt Liquorice", "Nougat de Montélimar", "Turrón de Jijona", "Fruit Pastilles",
			"Caramel Fudge", "Hazelnut Spread",
		}},
	}
}
