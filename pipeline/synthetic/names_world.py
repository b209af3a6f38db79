"""Names of the naming cultures that came to Britain from elsewhere, most frequent first (weights follow by Zipf).

Romanised as English records write them. Where a culture makes names from parts (Yoruba and Akan day and praise
names, Chinese two-syllable names), the parts are declared and joined. Written for this project from general
knowledge; no list of real people stands behind them.
"""

from __future__ import annotations

SOUTH_ASIAN_MUSLIM_F = """
Fatima Aisha Zainab Maryam Khadija Amina Sadia Nasreen Shazia Saima Rukhsana Shabana Samina Farzana Nadia Sana Hafsa
Iqra Aaliyah Safa Noor Hira Mariam Ayesha Sumaiya Nazia Tahira Parveen Yasmin Rubina Shaheen Naheed Bushra Asma
Humaira Uzma Rabia Zara Inaya Anisa Halima Rahima Hasina Rehana Salma Shirin Tasnim Mehreen Kiran Sidra Aliza Zoya
Hania Eshal Laiba Aroosa Mahnoor Areeba Rashida Zubaida Nusrat Shamim Jamila Kulsum Sultana Momtaz Jahanara Ruksana
Nargis Farida Naseem Shakeela Razia Zahra Ameera
"""
SOUTH_ASIAN_MUSLIM_M = """
Mohammed Muhammad Ali Ahmed Hassan Hussain Ibrahim Yusuf Abdul Imran Asif Tariq Omar Usman Bilal Hamza Zain Adil Amir
Faisal Kamran Khalid Nadeem Naveed Rashid Saeed Shahid Sajid Tahir Wasim Waqas Zahid Zubair Arif Aslam Ashraf Farooq
Ghulam Haroon Iqbal Javed Junaid Kashif Mahmood Mansoor Nasir Qasim Rizwan Salman Shabir Sohail Umar Yasin Zafar
Mustafa Haris Ayaan Rayyan Eesa Musa Sulaiman Idris Zakariya Danyal Azhar Akram Anwar Babar Ehsan Habib Jamal Karim
Liaqat Mushtaq Pervez Rafiq Shafiq Talha Uzair
"""
SOUTH_ASIAN_MUSLIM_SURNAMES = """
Khan Hussain Ahmed Ali Mahmood Iqbal Akhtar Malik Shah Mohammed Miah Rahman Islam Uddin Chowdhury Hassan Sheikh Mirza
Butt Aslam Ashraf Rafiq Choudhry Qureshi Siddiqui Raja Baig Bhatti Dar Farooq Hanif Haque Hoque Hossain Hamid Javed
Khalid Karim Kauser Latif Majid Mughal Nawaz Naseer Parvez Rashid Razaq Rehman Riaz Sadiq Saleem Sarwar Shabir Shafi
Shahid Siddique Sultan Tariq Usman Yaqoob Yousaf Zaman Zahid Alam Anwar Aziz Bashir Habib Haider Jamil Kazi Kabir
Khatun Mannan Matin Mustafa Qadir Quddus Rauf Rob Salam Sattar Shaikh Sikder Talukder Ullah Wahid Zaidi Naqvi Rizvi
Abbasi Ansari Bukhari Gilani Hashmi Kiani Lodhi Minhas
"""
# Women's last names that are not their husbands' or fathers'.
SOUTH_ASIAN_MUSLIM_WOMENS = "Begum Bibi Khatun Akhtar Kauser Parveen Khanum Sultana Jan Nessa Yasmin Bano"

SIKH_HINDU_F = """
Harpreet Manpreet Priya Sunita Anita Jasmine Simran Kiran Rajinder Surinder Gurpreet Amandeep Neha Pooja Meera Kavita
Sangita Nisha Anjali Diya Riya Aarti Bhavna Daksha Geeta Hansa Jyoti Kamaljit Kulwinder Lakshmi Manjit Nirmala
Parminder Rekha Sarita Seema Shanti Sharmila Sonal Sukhjit Sushila Urmila Usha Varsha Vidya Balbir Baljit Daljit
Gurdeep Harjit Jaspreet Navdeep Ramandeep Satinder Tejal Hetal Komal Mansi Nikita Radhika Roshni Shreya Tanvi Trisha
Anaya Avani Ishani Jiya Kavya Saanvi Myra
"""
SIKH_HINDU_M = """
Amit Raj Rajesh Sanjay Sunil Vijay Arjun Rohan Harpreet Gurpreet Jaspal Manjit Sukhdev Balwinder Kulwinder Amandeep
Hardeep Jagdeep Karan Nikhil Rahul Ravi Suresh Vikram Anil Ashok Bharat Deepak Dinesh Girish Hitesh Jayesh Kamlesh
Ketan Kishan Mahesh Manish Mukesh Naresh Nilesh Paresh Pradeep Prakash Ramesh Sandeep Satish Viren Yash Aarav Aryan
Dev Dhruv Ishaan Jai Krish Om Rishi Rohit Shivam Veer Avtar Baldev Daljit Gurdip Gurmeet Harbhajan Inderjit Jasbir
Joginder Kashmir Malkit Mohan Narinder Paramjit
"""
SIKH_HINDU_SURNAMES = """
Singh Patel Shah Sharma Kumar Gill Dhillon Sandhu Sidhu Grewal Bains Johal Mistry Desai Mehta Joshi Parmar Chauhan
Solanki Rathod Gupta Verma Kapoor Malhotra Chopra Bhatt Trivedi Pandya Amin Dave Modi Lad Naik Nair Menon Pillai Reddy
Rao Iyer Krishnan Sivakumar Nathan Rajan Raman Das Ghosh Banerjee Sen Bose Dutta Atwal Aujla Bal Bassi Bhogal Bhullar
Birdi Chahal Cheema Dhaliwal Dhanda Dosanjh Garcha Hayer Heer Kalsi Kang Khera Lally Mann Matharu Nijjar Panesar
Purewal Rai Randhawa Sahota Sangha Sehmi Sohal Thandi Toor Uppal Virdee Virk Kotecha Lakhani Popat Raithatha Ruparelia
Thakrar Vadher Makwana Tailor Panchal Gohil Jadeja Vaghela
"""

YORUBA_BEGINNINGS = "Ade Olu Oluwa Ayo Ola Temi Tolu Kehin Baba Fola Bola Ire Dami Simi Oye Ife"
YORUBA_F_ENDINGS = "tola tope yemisi bunmi shola ronke sade moyo kemi dayo wunmi nike lola simbo tomi toke"
YORUBA_M_ENDINGS = "bayo wale femi tunde seun dele kunle segun rotimi niyi tayo mola gbenga jide seyi tobi"
WEST_AFRICAN_F = """
Grace Blessing Mercy Joy Esther Ngozi Chioma Adaeze Amaka Abena Akosua Ama Afia Yaa Akua Adwoa Efua Esi Comfort
Patience Gifty Precious Favour Peace Charity Faith Ifeoma Nneka Chidinma Uche Obioma Nkechi Ebele Fatou Aminata
Mariama Isatou Adama Binta
"""
WEST_AFRICAN_M = """
Emmanuel Samuel Daniel David Joseph Michael Kwame Kofi Kwabena Kwaku Yaw Kwasi Kojo Emeka Chidi Obinna Ikenna Chukwudi
Uche Nnamdi Kelechi Tochukwu Ebenezer Isaac Prince Godfrey Solomon Gideon Victor Sunday Friday Musa Lamin Ousman
Ebrima Alhaji Mamadou Sorie
"""
WEST_AFRICAN_SURNAMES = """
Mensah Owusu Boateng Osei Asante Appiah Addo Agyeman Amoah Ofori Antwi Ansah Okafor Okeke Eze Nwosu Obi Okoro Nwankwo
Onyeka Igwe Adeyemi Adebayo Ogunleye Balogun Adeleke Ojo Afolabi Oladipo Akande Bello Ibrahim Musa Sanni Lawal
Oyelaran Olawale Ajayi Bakare Kamara Sesay Koroma Conteh Bangura Turay Mansaray Jalloh Bah Diallo Sowe Ceesay Jallow
Touray Camara Gyamfi Sarpong Darko Frimpong Adjei Acheampong Opoku Amponsah Danso Yeboah Nkrumah Baidoo Quaye Tetteh
Lartey Nartey Chukwu Uzoma Nnadi Anyanwu Obiora Umeh Ike
"""
YORUBA_SURNAME_BEGINNINGS = "Ade Ogun Olu Oye Ola Fa Akin Awo Ayo Ibi Odu Omo Oni"
YORUBA_SURNAME_ENDINGS = (
    "sanya banjo tunji wumi yinka kunle bode dare gbola mide niran peju sola wusi yemi laja tokun shina"
)

EAST_EUROPEAN_F = """
Anna Maria Katarzyna Agnieszka Malgorzata Magdalena Joanna Monika Aleksandra Ewa Natalia Julia Zuzanna Zofia Maja
Oliwia Lena Barbara Elzbieta Krystyna Beata Dorota Iwona Karolina Marta Paulina Sylwia Justyna Patrycja Weronika
Wiktoria Gabriela Nikola Amelia Emilia Hanna Elena Ioana Andreea Mihaela Daniela Cristina Simona Laura Lucia Petra
Jana Zuzana Kristina Rasa Jurga Ruta Daiva Egle Inga Ilze Liga Anita Viktorija Gabija Desislava Ivanka Milena Svetlana
Oksana Olga Irina Tatjana Ekaterina Alina Raluca
"""
EAST_EUROPEAN_M = """
Piotr Krzysztof Andrzej Tomasz Pawel Michal Marcin Jakub Adam Lukasz Mateusz Kamil Dawid Szymon Filip Kacper Jan Marek
Grzegorz Jozef Stanislaw Zbigniew Rafal Robert Mariusz Dariusz Artur Przemyslaw Sebastian Patryk Dominik Oskar Igor
Aleksander Wiktor Antoni Nikodem Franciszek Andrei Ionut Alexandru Mihai Florin Cristian Marius Gheorghe Jan Martin
Tomas Peter Jozef Milan Mindaugas Darius Tadas Tomas Lukas Janis Andris Artis Martins Georgi Dimitar Ivan Nikolay
Petar Sergej Aleksej Dmitrij Vladimir Bogdan Radu
"""
EAST_EUROPEAN_SURNAMES = """
Nowak Kowalski Wisniewski Wojcik Kowalczyk Kaminski Lewandowski Zielinski Szymanski Wozniak Dabrowski Kozlowski
Jankowski Mazur Kwiatkowski Krawczyk Piotrowski Grabowski Nowakowski Pawlowski Michalski Adamczyk Dudek Zajac
Wieczorek Jablonski Krol Majewski Olszewski Jaworski Wrobel Malinowski Stepien Gorski Rutkowski Sikora Baran Duda
Szewczyk Tomaszewski Pietrzak Marciniak Wroblewski Zalewski Jakubowski Sadowski Zawadzki Chmielewski Borkowski
Czarnecki Sawicki Sokolowski Kubiak Maciejewski Szczepanski Kucharski Wilk Kalinowski Lis Mazurek Wysocki Adamski
Kazmierczak Wasilewski Sobczak Czerwinski Andrzejewski Popescu Ionescu Popa Radu Dumitru Stan Stoica Gheorghe Rusu
Munteanu Marin Horvath Kovac Novak Balog Kazlauskas Petrauskas Jankauskas Stankevicius Berzins Kalnins Ozols Ivanov
Georgiev Dimitrov Petrov Nikolov Horvat Toth Nagy Varga Molnar Cerny Svoboda Dvorak Ivanova Petrova Kovacs Balogh
"""

CHINESE_SURNAMES = """
Chan Li Wong Wang Chen Zhang Lin Liu Lee Cheung Leung Lam Ng Ho Yang Huang Wu Zhou Xu Lau Tang Chow Cheng Yip Tsang
Kwok Fung Yu Zheng Zhao Sun Ma Zhu Hu Guo He Luo Liang Song Tan Tse Mak Man Pang Poon Siu Tam Tong Tsui Wan Yeung Yuen
Au Chiu Choi Chu Hui Kong
"""
CHINESE_SYLLABLES_F = (
    "Mei Ling Xiu Ying Hui Yan Xin Yi Jing Li Na Wai Siu Man Ka Yee Lai Fong Hoi Ching Suk Yuk Pui Kit Lok Wing"
)
CHINESE_SYLLABLES_M = (
    "Wei Jun Ming Hao Jian Chi Kin Wing Ho Kwok Wai Man Tsz Lok Chun Hin Yat Long Kai Fai Keung Shing Zhi Yu Bo Sheng"
)
CHINESE_ENGLISH_F = "Amy Grace Michelle Emily Vivian Winnie Jenny Karen Joyce Connie Tiffany Jessica Alice Chloe Mandy"
CHINESE_ENGLISH_M = "Jason Kevin Eric Andy Raymond Vincent Jacky Alan Tony Ryan Ivan Henry Edmond Wilson Nelson"

ARABIC_F = """
Fatima Amina Khadija Aisha Mariam Zahra Layla Noor Sara Hala Rania Dina Samira Salma Huda Iman Nadia Hanan Amal Fowzia
Hodan Ayan Sahra Halima Hamdi Ifrah Deqa Nimco Asha Ubah Sagal Hibo Ikram Naima Zeinab Basma Reem Lina Yara Maha Rasha
Suad Wafa Ghada Rawan Farah Jana Malak Hiba Sumaya Muna Safia Filsan Idil Ilhan Warsan Sundus Rahma Najma Hafsa Shukri
Fadumo Maryan Habiba Siham Nawal
"""
ARABIC_M = """
Mohamed Ahmed Ali Hassan Abdi Omar Ibrahim Yusuf Abdullah Khalid Mustafa Mahmoud Hussein Karim Samir Tarek Walid Ziad
Youssef Adel Faisal Hamid Jamal Nabil Rami Sami Bilal Anas Ayman Amin Abdirahman Abdullahi Liban Guled Mahad Sharmarke
Bashir Farah Warsame Nuur Dahir Idris Ilyas Zakaria Yahya Hamza Salim Said Osman Suleiman Mubarak Saleh Nasser Majid
Marwan Fadi Hisham Rashid Yasser
"""
ARABIC_SURNAMES = """
Mohamed Ali Hassan Ahmed Abdi Omar Ibrahim Yusuf Hussein Abdullah Osman Farah Warsame Jama Nur Aden Ismail Abdullahi
Mohamud Adan Said Saleh Salah Hashi Elmi Duale Guled Mahamud Sheikh Haji Muse Roble Saeed Al-Hassan Al-Ahmed Al-Masri
Khalil Haddad Nasser Mansour Hamdan Khoury Najjar Saad Rahal Bouzid Benali Belkacem Haddou Amrani Idrissi Tahiri Fahmy
Shaker Hosny Mostafa Gamal Zaki Al-Jabouri Al-Saadi Al-Rubaie Kadhim Jassim Abbas Karimi Ahmadi Rahimi Hosseini
Mohammadi Barzani Aziz Rasheed Hamawandi Sharif Qasim
"""
